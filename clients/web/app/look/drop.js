/** Pictures that are dropped anywhere on the page. */
import { useEffect, useRef, useState } from "../lib/dom.js";

/** Whether a picture is held over the page; `onPicture` is called when it is dropped. @param {(file: File) => void} onPicture */
export function useDroppedPicture(onPicture) {
  const [over, setOver] = useState(false);
  const latest = useRef(onPicture);
  latest.current = onPicture;
  useEffect(() => {
    const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
    const held = (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const left = (/** @type {DragEvent} */ event) => event.relatedTarget === null && setOver(false);
    const dropped = (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      const file = [...(event.dataTransfer?.files ?? [])].find((each) => each.type.startsWith("image/"));
      if (file) latest.current(file);
    };
    document.addEventListener("dragover", held);
    document.addEventListener("dragleave", left);
    document.addEventListener("drop", dropped);
    return () => {
      document.removeEventListener("dragover", held);
      document.removeEventListener("dragleave", left);
      document.removeEventListener("drop", dropped);
    };
  }, []);
  return over;
}
