import type { ComponentChildren } from "preact";
import { ApiError, Unreachable } from "../client";
import { language, t } from "../i18n";
import type { Resource } from "../resource";
import { Button } from "./button";

/** What stands where there is nothing: it says what would be here and how to get it. */
export function Empty({ title, children, action }: { title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p class="empty-text">{children}</p>}
      {action && <div class="empty-action">{action}</div>}
    </div>
  );
}

/** Grey bars in the place of what is being loaded; when it takes longer they say so. */
export function Skeleton({ lines = 3, height }: { lines?: number; height?: number }) {
  return (
    <div class="skeleton" role="status">
      {height ? <span class="bone" style={{ height: `${height}px` }} /> : Array.from({ length: lines }, (_, i) => <span key={i} class="bone" />)}
      <span class="skeleton-text">{t("common.loading")}</span>
    </div>
  );
}

/** What went wrong and what to do about it. */
export function ErrorBox({ error, retry }: { error: unknown; retry?: () => void }) {
  const [what, fix] = told(error);
  return (
    <div class="errorbox" role="alert">
      <p class="errorbox-title">{t("error.title")}</p>
      <p>{what}</p>
      {fix && <p class="muted">{fix}</p>}
      {retry && <Button onClick={retry} icon="reset">{t("common.retry")}</Button>}
    </div>
  );
}

/** What is wrong and what to do, in the language of the page. */
export function told(error: unknown): [string, string] {
  if (error instanceof ApiError) {
    const zh = language.value === "zh" ? error.zh : {};
    // Some sentences want their subject: "optimizer.lr" "is 3".
    const who = /^(is|has) /.test(error.what) ? (zh.what ? `${error.who} ` : `${error.who}: `) : "";
    return [who + (zh.what ?? error.what), zh.fix ?? error.fix];
  }
  if (error instanceof Unreachable) return [t("error.unreachable"), t("error.unreachable.fix")];
  return [error instanceof Error ? error.message : String(error), ""];
}

/** A resource's three faces: bones, the error, or what is made of the data. */
export function Loaded<T>({ from, height, children }: { from: Resource<T>; height?: number; children: (data: T) => ComponentChildren }) {
  if (from.error) return <ErrorBox error={from.error} retry={from.reload} />;
  if (from.data === undefined) return height ? <Skeleton height={height} /> : <Skeleton />;
  return (
    <div class="loaded" aria-busy={from.loading}>
      {children(from.data)}
    </div>
  );
}
