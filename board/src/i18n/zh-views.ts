import type { enViews } from "./en-views";

export const zhViews: Record<keyof typeof enViews, string> = {};
