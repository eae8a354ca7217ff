-- The row without a site: up to which offset of the log it is known which day was touched.
INSERT INTO footfall.rollup_made (website_id, day, log_offset, version)
VALUES ('', '1970-01-01', {offset:UInt64}, {version:UInt64})
