-- What is there of each generation, to be held against what was made. FINAL: a row that was written twice is one.
SELECT website_id, toString(day), generation, count()
FROM footfall.rollup_days FINAL
WHERE website_id IN {sites:Array(String)} AND day BETWEEN {first:Date} AND {last:Date}
GROUP BY website_id, day, generation
