-- What there is, with the rows that it has.
SELECT name, ifNull(total_rows, 0) FROM system.tables WHERE database = 'footfall' ORDER BY engine = 'View' DESC, name
