import { useEffect, useRef } from "preact/hooks";
import { Button, Empty } from "./components";
import { HelpDialog, help, shortcuts } from "./help";
import { language, t, toggleLanguage } from "./i18n";
import { lazy } from "./lazy";
import { type Route, route } from "./router";
import { connection, runs } from "./store";
import { theme, toggleTheme } from "./theme";

const Runs = lazy(() => import("./views/runs"));
const RunPage = lazy(() => import("./views/run"));
const Compare = lazy(() => import("./views/compare"));
const NewTraining = lazy(() => import("./views/new"));
const Playground = lazy(() => import("./views/playground"));
const Draw = lazy(() => import("./views/draw"));

const whole = (text: string | undefined) => (text !== undefined && /^\d+$/.test(text) ? Number(text) : null);

function View({ at }: { at: Route }) {
  const id = whole(at.parts[0]);
  const ids = (at.parts[0] ?? "").split(",").map(whole).filter((one) => one !== null);
  if (at.name === "") return <Runs />;
  if (at.name === "run" && id !== null) return <RunPage key={id} id={id} tab={at.parts[1] ?? "curves"} />;
  if (at.name === "compare") return <Compare ids={ids} />;
  if (at.name === "new") return <NewTraining />;
  if (at.name === "playground") return <Playground />;
  if (at.name === "draw" && id !== null) return <Draw key={id} id={id} />;
  return (
    <Empty title={t("app.notfound")} action={<a class="button plain" href="#/">{t("app.toruns")}</a>}>
      {t("app.notfound.text")}
    </Empty>
  );
}

function titleOf(at: Route): string {
  const pages: Record<string, string> = { new: t("app.new"), playground: t("app.playground"), compare: t("runs.compare") };
  const run = at.name === "run" || at.name === "draw" ? runs.value.get(Number(at.parts[0]))?.name : undefined;
  const name = run ?? pages[at.name];
  return name ? `${name} · tapegrad` : "tapegrad";
}

export function App() {
  const at = route.value;
  const main = useRef<HTMLElement>(null);
  const before = useRef(at.name);

  useEffect(shortcuts, []);
  useEffect(() => {
    document.title = titleOf(at);
  });
  useEffect(() => {
    // A new page begins at its top, for the eye and for a screen reader; a new tab of it does not move.
    if (before.current !== at.name) {
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    before.current = at.name;
  }, [at.name]);

  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{t("app.skip")}</a>
      <Header at={at} />
      {connection.value === "lost" && <p class="lost-line" role="alert">{t("app.connection.lost")}</p>}
      <main id="main" ref={main} tabIndex={-1}>
        <View at={at} />
      </main>
      {help.value && <HelpDialog />}
    </>
  );
}

function Header({ at }: { at: Route }) {
  const here = (...names: string[]) => (names.includes(at.name) ? ("page" as const) : undefined);
  return (
    <header class="top">
      <a class="brand" href="#/" aria-label="tapegrad">
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M6 24C11 24 11 9 16 9s5 15 10 15" />
          <circle cx="16" cy="9" r="3" />
        </svg>
        <span>tapegrad</span>
      </a>
      <nav aria-label={t("app.navigation")}>
        <a href="#/" aria-current={here("", "run", "compare", "draw")}>{t("app.runs")}</a>
        <a href="#/new" aria-current={here("new")}>{t("app.new")}</a>
        <a href="#/playground" aria-current={here("playground")}>{t("app.playground")}</a>
      </nav>
      <div class="top-tools">
        <span class={`connection ${connection.value}`} role="status" title={t(`app.connection.${connection.value}`)}>
          <span class="visually-hidden">{t(`app.connection.${connection.value}`)}</span>
        </span>
        <button type="button" class="button quiet bare" title={t("app.language")} aria-label={t("app.language")} onClick={toggleLanguage}>
          {language.value === "en" ? "中" : "EN"}
        </button>
        <Button
          kind="quiet"
          icon={theme.value === "dark" ? "sun" : "moon"}
          label={t(theme.value === "dark" ? "app.theme.light" : "app.theme.dark")}
          onClick={toggleTheme}
        />
        <Button kind="quiet" icon="keyboard" class="wide-only" label={t("app.help")} onClick={() => (help.value = true)} />
      </div>
    </header>
  );
}
