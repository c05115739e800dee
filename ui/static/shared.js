// What every component of these pages uses. It is put in front of each component's own text.

function unpacked(data) {
  return JSON.parse(new TextDecoder().decode(data));
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text; // as text, never as HTML
  return made;
}

function symbol(name) {
  const made = element("span", "symbol", name);
  made.setAttribute("aria-hidden", "true");
  return made;
}

function tellAgo(time) {
  const then = new Date(time.dateTime);
  const seconds = Math.max(0, (Date.now() - then) / 1000);
  time.title = then.toLocaleString();
  const waits = time.dataset.style === "waiting";
  const lead = waits ? "waiting " : "";
  if (seconds < 60) time.textContent = waits ? "waiting < 1 min" : "now";
  else if (seconds < 3600) time.textContent = `${lead}${Math.floor(seconds / 60)} min`;
  else if (seconds < 86400) time.textContent = `${lead}${Math.floor(seconds / 3600)} h`;
  else if (waits) time.textContent = `${lead}${Math.floor(seconds / 86400)} d`;
  else if (seconds < 6 * 86400) time.textContent = then.toLocaleDateString(undefined, { weekday: "short" });
  else time.textContent = then.toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

function isDark(node) {
  const parts = getComputedStyle(node).getPropertyValue("--st-background-color").trim().match(/[0-9a-f]{2}/gi);
  return !!parts && parts.slice(0, 3).reduce((sum, part) => sum + parseInt(part, 16), 0) < 240;
}

// Lets a node reach from where it stands to the bottom of the window; returns how to stop.
function fillHeight(node, least) {
  const main = document.querySelector('[data-testid="stMain"]');
  const fit = () => {
    const top = node.getBoundingClientRect().top + (main ? main.scrollTop : 0);
    node.style.height = Math.max(least, window.innerHeight - top - 20) + "px";
  };
  fit();
  const late = requestAnimationFrame(fit); // once the elements above have their height
  const later = setTimeout(fit, 300);
  window.addEventListener("resize", fit);
  return () => { cancelAnimationFrame(late); clearTimeout(later); window.removeEventListener("resize", fit); };
}
