SELECT count() FROM footfall.rejected WHERE website_id = {site:String} AND received_at < {before:DateTime64(3, 'UTC')}
