// Puts the page's parts together, once the gateway lets it in.

import * as alerts from "./alerts.js";
import * as budget from "./budget.js";
import * as burn from "./burn.js";
import * as calls from "./calls.js";
import { ask, hasToken, useToken, whenTokenIsWanted } from "./gateway.js";
import { find, watchScrolling } from "./page.js";
import * as providers from "./providers.js";
import * as workspaces from "./workspaces.js";

whenTokenIsWanted((wasWrong) => new Promise((done) => {
  const dialog = find("token");
  const line = find("token-problem");
  line.textContent = wasWrong ? "That is not the token." : "";
  line.hidden = !wasWrong;
  find("token-text").value = "";
  dialog.showModal();
  let isGiven = false;
  // There is nothing behind it to go back to.
  dialog.onclose = () => (isGiven ? done() : dialog.showModal());
  find("token-form").onsubmit = (event) => {
    event.preventDefault();
    useToken(find("token-text").value);
    isGiven = true;
    dialog.close();
  };
}));

find("sign-out").addEventListener("click", () => {
  useToken(null);
  location.reload();
});

/** Waits for a gateway that is away, or for the token, before anything is shown. */
async function begin() {
  while (true) {
    try {
      await ask("v1/config");
      break;
    } catch (error) {
      find("health").className = "health state exhausted";
      find("health").textContent = error.message;
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
  find("sign-out").hidden = !hasToken();
  find("main").hidden = false;
  watchScrolling();
  budget.start();
  const looks = [providers.start(), workspaces.start(), burn.start(), alerts.start()];
  calls.start();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const look of looks) look();
  });
}

begin();
