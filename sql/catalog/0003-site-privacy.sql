-- What a site makes of a browser that asks not to be tracked (Sec-GPC, DNT), and whether events need consent.
ALTER TABLE sites ADD COLUMN opt_out TEXT NOT NULL DEFAULT 'ignore' CHECK (opt_out IN ('ignore', 'anonymous', 'drop'));
ALTER TABLE sites ADD COLUMN consent TEXT NOT NULL DEFAULT 'optional' CHECK (consent IN ('optional', 'required'));
