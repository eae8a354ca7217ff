-- For whom the loader stands still (footfall.loader_holds); empty: for nobody.
ALTER TABLE footfall.loader_checkpoints ADD COLUMN IF NOT EXISTS held String
