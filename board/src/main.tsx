import { render } from "preact";
import { App } from "./app";
import { start } from "./store";

const root = document.getElementById("board");
if (root) {
  start();
  render(<App />, root);
}
