-- A partition's loader is to stand still, for half a minute from now at most: said again and again by whoever wants it
-- for longer.
INSERT INTO footfall.loader_holds
SELECT {partition:UInt16}, {token:String}, toUInt64(toUnixTimestamp64Milli(now64(3))), now64(3) + toIntervalSecond(30)
