-- A partition's loader is to stand still, for five minutes at most.
INSERT INTO footfall.loader_holds
SELECT {partition:UInt16}, {token:String}, 1, now64(3) + toIntervalMinute(5)
