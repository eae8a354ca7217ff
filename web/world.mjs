// The map of the world as a module, made while building: `import world from "footfall:world"`.
//
// Borders come from Natural Earth by world-atlas (110 m). They are projected and rounded here, so that the page carries neither the
// topology nor the code to read it: 37 KB by gzip become 15, and the browser has nothing to compute.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const WIDTH = 1000;
const MARGIN = 2;
const ANTARCTICA = "010";

// ISO 3166-1: the numeric codes that world-atlas uses, and the letters that events carry. Only what the map at this size draws.
const LETTERS = new Map(
  (
    "242FJ 834TZ 732EH 124CA 840US 398KZ 860UZ 598PG 360ID 032AR 152CL 180CD 706SO 404KE 729SD 148TD 332HT 214DO 643RU 044BS 238FK " +
    "578NO 304GL 260TF 626TL 710ZA 426LS 484MX 858UY 076BR 068BO 604PE 170CO 591PA 188CR 558NI 340HN 222SV 320GT 084BZ 862VE 328GY " +
    "740SR 250FR 218EC 630PR 388JM 192CU 716ZW 072BW 516NA 686SN 466ML 478MR 204BJ 562NE 566NG 120CM 768TG 288GH 384CI 324GN 624GW " +
    "430LR 694SL 854BF 140CF 178CG 266GA 226GQ 894ZM 454MW 508MZ 748SZ 024AO 108BI 376IL 422LB 450MG 275PS 270GM 788TN 012DZ 400JO " +
    "784AE 634QA 414KW 368IQ 512OM 548VU 116KH 764TH 418LA 104MM 704VN 408KP 410KR 496MN 356IN 050BD 064BT 524NP 586PK 004AF 762TJ " +
    "417KG 795TM 364IR 760SY 051AM 752SE 112BY 804UA 616PL 040AT 348HU 498MD 642RO 440LT 428LV 233EE 276DE 100BG 300GR 792TR 008AL " +
    "191HR 756CH 442LU 056BE 528NL 620PT 724ES 372IE 540NC 090SB 554NZ 036AU 144LK 156CN 158TW 380IT 208DK 826GB 352IS 031AZ 268GE " +
    "608PH 458MY 096BN 705SI 246FI 703SK 203CZ 232ER 392JP 600PY 887YE 682SA 196CY 504MA 818EG 434LY 231ET 262DJ 800UG 646RW 070BA " +
    "807MK 688RS 499ME 780TT 728SS"
  )
    .split(" ")
    .map((pair) => [pair.slice(0, 3), pair.slice(3)]),
);

/** [code, path] a country. A land without a code of its own is drawn with an empty one: it is there, and nothing is counted for it. */
function countries() {
  const topology = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("world-atlas/countries-110m.json"), "utf8"));
  const shapes = feature(topology, topology.objects.countries).features.filter(({ id }) => id !== ANTARCTICA);
  const projection = geoNaturalEarth1().fitExtent(
    [
      [MARGIN, MARGIN],
      [WIDTH - MARGIN, WIDTH],
    ],
    { type: "FeatureCollection", features: shapes },
  );
  const bounds = geoPath(projection).bounds({ type: "FeatureCollection", features: shapes });
  const [x, y] = projection.translate();
  projection.translate([x, y - bounds[0][1] + MARGIN]);
  const draw = geoPath(projection).digits(1);
  const height = Math.ceil(bounds[1][1] - bounds[0][1] + 2 * MARGIN);
  const code = ({ id, properties }) => (properties.name === "Kosovo" ? "XK" : (LETTERS.get(id) ?? ""));
  return { width: WIDTH, height, countries: shapes.map((shape) => [code(shape), relative(draw(shape))]) };
}

/** Relative steps in whole units compress better than places. Steps are taken between rounded places, so that errors do not add up. */
function relative(path) {
  let [x, y] = [0, 0];
  let [startX, startY] = [0, 0];
  let out = "";
  for (const [, command, rest] of path.matchAll(/([MLZ])([^MLZ]*)/g)) {
    if (command === "Z") {
      out += "z";
      [x, y] = [startX, startY];
      continue;
    }
    const [nextX, nextY] = rest.split(",").map((value) => Math.round(Number(value)));
    if (command === "L" && nextX === x && nextY === y) continue;
    out += `${command.toLowerCase()}${nextX - x}${nextY < y ? "" : ","}${nextY - y}`;
    [x, y] = [nextX, nextY];
    if (command === "M") [startX, startY] = [x, y];
  }
  return out;
}

export const world = {
  name: "world",
  setup(build) {
    build.onResolve({ filter: /^footfall:world$/ }, ({ path }) => ({ path, namespace: "world" }));
    build.onLoad({ filter: /.*/, namespace: "world" }, () => ({ contents: JSON.stringify(countries()), loader: "json" }));
  },
};
