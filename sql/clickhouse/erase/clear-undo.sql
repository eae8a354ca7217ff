-- What loaders keep of the sessions that their last batches changed; all of them stand still.
TRUNCATE TABLE footfall.loader_undo
