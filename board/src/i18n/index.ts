import { effect } from "@preact/signals";
import type { Language, Text } from "../api";
import { stored } from "../stored";
import { en } from "./en";
import { enViews } from "./en-views";
import { zh } from "./zh";
import { zhViews } from "./zh-views";

const english = { ...en, ...enViews };
export type Key = keyof typeof english;
const dictionaries: Record<Language, Record<Key, string>> = { en: english, zh: { ...zh, ...zhViews } };

const first: Language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
export const language = stored<Language>("language", first);

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
});

export function toggleLanguage(): void {
  language.value = language.value === "en" ? "zh" : "en";
}

/**
 * The text of a key in the language of the page, with {name} filled in.
 * "one run|{n} runs": the first where n is 1, the second else.
 */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  let text: string = dictionaries[language.value][key];
  const bar = text.indexOf("|");
  if (bar >= 0) text = values.n === 1 || values.n === "1" ? text.slice(0, bar) : text.slice(bar + 1);
  return text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}

/** Whether there is a text of this key: for words that come from the server, such as a status. */
export function known(key: string): key is Key {
  return key in english;
}

/** The side of a two-language text of the server that the page is in. */
export function pick(text: Text | undefined | null): string {
  return text ? text[language.value] || text.en : "";
}
