SELECT * FROM footfall.daily_made FINAL WHERE website_id = {site:String} AND day = {day:Date} ORDER BY version DESC LIMIT 1 FORMAT Native
