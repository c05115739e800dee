// A click on the link of the page that one is on leads to the page's own list, with nothing open.
// Streamlit runs the page once more then, with the address as it is: what is open would stay open. So the browser goes to the
// bare address first, and Streamlit follows as it follows the way back.

const LISTENS = "__frontdeskLinks";

function isPlain(event) {
  return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}

function leadsHere(link) {
  const to = new URL(link.href);
  return to.origin === location.origin && to.pathname === location.pathname && !to.search;
}

function follow(event) {
  const link = event.target instanceof Element && event.target.closest("a[href]");
  // Streamlit opens its links itself, and says so; one that it leaves to the browser needs nothing.
  if (!link || !event.defaultPrevented || !isPlain(event) || !leadsHere(link)) return;
  if (location.search) history.pushState({}, "", location.pathname);
  dispatchEvent(new PopStateEvent("popstate"));
}

export default function () {
  if (window[LISTENS]) return;
  window[LISTENS] = true;
  window.addEventListener("click", follow);
}
