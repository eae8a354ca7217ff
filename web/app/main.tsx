import "./app.css";

import { render } from "preact";

import { App } from "./app";

const root = document.getElementById("app");
if (!root) throw new Error("index.html has no element 'app'");
root.replaceChildren();
render(<App />, root);
