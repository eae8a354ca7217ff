import { equal } from "node:assert/strict";
import test from "node:test";

import { domainOf, snippet } from "./snippet";

test("the snippet names this server and this site, whatever is in the id", () => {
  equal(snippet("https://stats.example", "my-site"), '<script defer src="https://stats.example/footfall.js" data-site="my-site"></script>');
  equal(snippet("http://x", '"><b>').includes("<b>"), false);
});

test("a pasted address becomes a domain", () => {
  equal(domainOf(" https://www.Example.org/blog?x#y "), "www.example.org");
  equal(domainOf("example.org:8080"), "example.org:8080");
});
