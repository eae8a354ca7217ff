-- What is there of each day and generation of all sites, to be held against what was made. Of the generation that counts no other has taken a row's
-- place, and none is written twice.
SELECT website_id, toString(day), generation, count()
FROM footfall.rollup_days
GROUP BY website_id, day, generation
