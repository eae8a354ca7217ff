DROP TABLE IF EXISTS footfall.{table:Identifier} SYNC SETTINGS max_table_size_to_drop = 0
