export const THEME_KEY = "aap.theme";

/** Runs before the first paint, so the page never flashes in the other theme; then it follows the system. */
export const THEME_SCRIPT = `(function(){var m=matchMedia("(prefers-color-scheme: dark)");function apply(){var t=null;try{t=localStorage.getItem("${THEME_KEY}")}catch(e){}document.documentElement.dataset.theme=t==="light"||t==="dark"?t:m.matches?"dark":"light"}apply();m.addEventListener("change",apply)})()`;
