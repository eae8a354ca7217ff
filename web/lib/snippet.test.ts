import { equal } from "node:assert/strict";
import test from "node:test";

import { domainOf, type Reach, reachOf, snippet } from "./snippet";

test("the snippet names this server and this site, whatever is in the id", () => {
  equal(snippet("https://stats.example", "my-site"), '<script defer src="https://stats.example/footfall.js" data-site="my-site"></script>');
  equal(snippet("http://x", '"><b>').includes("<b>"), false);
});

test("a pasted address becomes a domain", () => {
  equal(domainOf(" https://www.Example.org/blog?x#y "), "www.example.org");
  equal(domainOf("example.org:8080"), "example.org:8080");
});

test("who can load the script is told by the address of the dashboard", () => {
  const hosts: Record<Reach, string[]> = {
    machine: ["http://localhost:8080", "https://demo.localhost", "http://127.0.0.1:8080", "http://[::1]:8080", "http://0.0.0.0"],
    network: [
      ...["10.1.2.3", "192.168.0.9:8080", "172.16.0.1", "172.31.9.9", "169.254.1.1", "100.64.0.1", "[fd00::1]", "[fe80::1]"],
      ...["nas", "stats.local", "stats.lan", "stats.internal", "box.home.arpa"],
    ].map((host) => `http://${host}`),
    plain: ["http://stats.example", "http://172.32.0.1", "http://8.8.8.8:8080", "http://[2001:db8::1]"],
    all: ["https://stats.example", "https://10.example", "https://localhost.example", "https://fc.example", "https://100.128.0.1"],
  };
  for (const [reach, origins] of Object.entries(hosts)) for (const origin of origins) equal(reachOf(origin), reach, origin);
});
