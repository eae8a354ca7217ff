-- It may go on. No later word of the same holds it.
INSERT INTO footfall.loader_holds
SELECT {partition:UInt16}, {token:String}, 18446744073709551615, toDateTime64(0, 3, 'UTC')
