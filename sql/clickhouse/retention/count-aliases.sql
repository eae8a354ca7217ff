SELECT count() FROM footfall.session_alias WHERE website_id = {site:String}
