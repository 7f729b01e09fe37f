/** Style files of single pages, which the frame does not name. */
import { useEffect, useState } from "../lib/dom.js";

/** Whether a file of style/ is loaded; it is loaded once. @param {string} name */
export function useStyle(name) {
  const address = new URL(`../../style/${name}`, import.meta.url).href;
  const [loaded, setLoaded] = useState(() => isLoaded(address));
  useEffect(() => {
    if (loaded) return;
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = address;
    link.onload = () => setLoaded(true);
    link.onerror = () => setLoaded(true); // the page works without it
    document.head.append(link);
  }, []);
  return loaded;
}

/** @param {string} address */
function isLoaded(address) {
  return Array.from(document.styleSheets).some((sheet) => sheet.href === address);
}
