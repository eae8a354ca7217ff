-- How many rows of these days of a site a table has.
SELECT count() FROM footfall.{table:Identifier} WHERE website_id = {site:String} AND day IN {days:Array(Date)}
