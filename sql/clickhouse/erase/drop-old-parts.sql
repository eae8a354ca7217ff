-- Parts that are replaced go at once. They stay a while otherwise, for a power cut that would undo what replaced them; what is erased must go.
ALTER TABLE footfall.{table:Identifier}
MODIFY SETTING old_parts_lifetime = 0
