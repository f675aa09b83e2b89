// The server's events: everything at first, then what changed. A lost connection is taken up again, for as long as it takes.
import { ours } from "./elements.js";

const SILENCE = 6_000; // the server says "still here" every 2 seconds
const PAUSES = [500, 1000, 2000, 5000];

/**
 * Follow the class.
 * @param {string} address
 * @param {(update: any, isFirst: boolean) => void} take
 * @param {(state: "live" | "lost" | "closed") => void} tell
 */
export async function follow(address, take, tell) {
  let failures = 0;
  for (;;) {
    const aborting = new AbortController();
    let watch = 0;
    const stillHere = () => {
      clearTimeout(watch);
      watch = window.setTimeout(() => aborting.abort(), SILENCE);
    };
    try {
      stillHere();
      const answer = await fetch(address, { headers: ours(), signal: aborting.signal, cache: "no-store" });
      if (answer.status === 403) {
        tell("closed");
        return;
      }
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      let isFirst = true;
      for await (const update of events(answer.body, stillHere)) {
        failures = 0;
        take(update, isFirst);
        isFirst = false;
        tell("live");
      }
    } catch (error) {
      console.error(error);
      tell("lost");
      failures += 1;
    } finally {
      clearTimeout(watch);
    }
    await new Promise((done) => setTimeout(done, PAUSES[Math.min(failures, PAUSES.length - 1)]));
  }
}

/**
 * The events of a body, read as they come.
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} stillHere
 */
async function* events(body, stillHere) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    stillHere();
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) if (block.startsWith("data: ")) yield JSON.parse(block.slice(6));
  }
}
