// @footfall/web: the same as footfall.js, begun by init().
import type { Init } from "./api";
import { install } from "./install";

/** Starts to measure this page. On a server, and where the browser asks for privacy, the methods do nothing. */
export const init: Init = (options) => install(options);
