/** Made by web/world.mjs while building. */
declare module "footfall:world" {
  const world: { width: number; height: number; countries: [code: string, path: string][] };
  export default world;
}
