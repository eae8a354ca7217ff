-- Deletes them. Waits until it is done.
ALTER TABLE footfall.{table:Identifier}
DELETE WHERE website_id = {site:String} AND day IN {days:Array(Date)}
SETTINGS mutations_sync = 1
