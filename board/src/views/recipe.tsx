import type { Value } from "../api";
import { CopyButton, Empty } from "../components";
import { plain } from "../format";
import { t } from "../i18n";
import { yamlTokens } from "../yaml";
import type { RunViewProps } from "./props";

export default function Recipe({ run }: RunViewProps) {
  if (!run.recipe) return <Empty title={t("recipe.none")}>{t("recipe.none.text")}</Empty>;
  return (
    <div class="recipe-page">
      <section class="panel">
        <div class="panel-head">
          <h2>{t("recipe.title")}</h2>
          <CopyButton text={run.recipe} />
        </div>
        <p class="hint">{t("recipe.hint")}</p>
        <Yaml text={run.recipe} />
      </section>
      <div class="stack">
        <Facts title={t("recipe.environment")} facts={run.environment} />
        <Facts title={t("recipe.compiled")} facts={run.compiled} />
      </div>
    </div>
  );
}

/** YAML with its keys, values and comments told apart by colour. */
function Yaml({ text }: { text: string }) {
  return (
    <pre class="yaml" tabIndex={0} aria-label="YAML">
      {yamlTokens(text).map((token, i) => (token.kind ? <span key={i} class={`y-${token.kind}`}>{token.text}</span> : token.text))}
    </pre>
  );
}

const isPlain = (value: Value) => value === null || typeof value !== "object" || (Array.isArray(value) && value.every((item) => typeof item !== "object"));

function Facts({ title, facts }: { title: string; facts: Record<string, Value> | null }) {
  const entries = Object.entries(facts ?? {}).filter(([, value]) => isPlain(value) && value !== null && value !== "");
  if (!entries.length) return null;
  return (
    <section class="panel">
      <h2 class="section-title">{title}</h2>
      <dl class="fact-list">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name.replace(/_/g, " ")}</dt>
            <dd>{plain(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
