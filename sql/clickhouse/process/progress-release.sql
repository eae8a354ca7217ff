-- It may go on.
INSERT INTO footfall.loader_holds
SELECT {partition:UInt16}, {token:String}, 2, toDateTime64(0, 3, 'UTC')
