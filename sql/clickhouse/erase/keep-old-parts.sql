-- As the table was made.
ALTER TABLE footfall.{table:Identifier}
MODIFY SETTING old_parts_lifetime = 60
