SELECT * FROM footfall.rollup_made FINAL WHERE website_id = {site:String} AND day = {day:Date} FORMAT Native
