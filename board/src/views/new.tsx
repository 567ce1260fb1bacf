import { useState } from "preact/hooks";
import type { Recipe } from "../api";
import { get, post } from "../client";
import { Button, CopyButton, Empty, ErrorBox, Loaded, Tag, TextInput } from "../components";
import { pick, t } from "../i18n";
import { useResource } from "../resource";
import { navigate, parameter, setParameters } from "../router";
import { loadRuns, session } from "../store";

export default function NewTraining() {
  const recipes = useResource("recipes", (signal) => get<{ recipes: Recipe[] }>("recipes", {}, signal));
  return (
    <>
      <div class="page-head"><h1>{t("new.title")}</h1></div>
      {session.value && !session.value.can_train && <p class="notice">{t("new.cannot")}</p>}
      <Loaded from={recipes} height={360}>
        {(data) => (data.recipes.length ? <Form recipes={data.recipes} /> : <Empty title={t("new.none")}>{t("new.none.text")}</Empty>)}
      </Loaded>
    </>
  );
}

const FIELDS = ["length", "optimizer.lr", "data.batch_size", "seed"] as const;
type Fields = Record<(typeof FIELDS)[number] | "more", string>;
const NOTHING: Fields = { length: "", "optimizer.lr": "", "data.batch_size": "", seed: "", more: "" };

function read(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The lines that are no `key=value`. */
function unclear(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() && !/^\s*[\w.]+\s*=\s*\S/.test(line));
}

function overridesOf(recipe: Recipe, fields: Fields): Record<string, unknown> {
  const length = recipe.steps ? "training.steps" : "training.epochs";
  const pairs = FIELDS.map((name) => [name === "length" ? length : name, fields[name].trim()] as const).filter(([, text]) => text);
  const more = fields.more
    .split("\n")
    .filter((line) => line.includes("="))
    .map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()] as const);
  return Object.fromEntries([...pairs, ...more].map(([key, text]) => [key, read(text)]));
}

/** A word as a shell takes it. */
function quoted(text: string): string {
  return /^[\w./:=,+-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

function commandOf(recipe: Recipe, overrides: Record<string, unknown>): string {
  const words = Object.entries(overrides).map(([key, value]) => quoted(`${key}=${typeof value === "string" ? value : JSON.stringify(value)}`));
  return ["tapegrad train", quoted(recipe.name), ...words].join(" ");
}

function Form({ recipes }: { recipes: Recipe[] }) {
  const asked = parameter("recipe");
  const recipe = recipes.find((one) => one.name === asked) ?? recipes.find((one) => one.available) ?? recipes[0];
  const [fields, setFields] = useState(NOTHING);
  if (!recipe) return null;
  return (
    <div class="new-page">
      <fieldset class="recipes">
        <legend>{t("new.recipe")}</legend>
        {recipes.map((one) => (
          <RecipeCard key={one.name} recipe={one} chosen={one === recipe} onChoose={() => setParameters({ recipe: one.name })} />
        ))}
      </fieldset>
      <Settings recipe={recipe} fields={fields} onChange={(changes) => setFields({ ...fields, ...changes })} />
    </div>
  );
}

function RecipeCard({ recipe, chosen, onChoose }: { recipe: Recipe; chosen: boolean; onChoose: () => void }) {
  return (
    <label class={`recipe-card${chosen ? " chosen" : ""}${recipe.available ? "" : " missing"}`}>
      <input type="radio" name="recipe" checked={chosen} disabled={!recipe.available} onChange={onChoose} />
      <span class="recipe-text">
        <span class="recipe-title">{pick(recipe.title)}</span>
        <span class="recipe-name"><code>{recipe.name}</code>{recipe.model && <span>{recipe.model}</span>}</span>
        <span class="recipe-description">{pick(recipe.description)}</span>
        {!recipe.available && <Tag tone="warn">{t("new.missing", { set: recipe.set })}</Tag>}
      </span>
    </label>
  );
}

interface SettingsProps {
  recipe: Recipe;
  fields: Fields;
  onChange: (changes: Partial<Fields>) => void;
}

function Settings({ recipe, fields, onChange }: SettingsProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const overrides = overridesOf(recipe, fields);
  const wrong = unclear(fields.more);
  const number = (text: string) => text.trim() !== "" && !Number.isFinite(Number(text));
  const start = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const { id } = await post<{ id: number }>("trainings", { recipe: recipe.name, overrides });
      await loadRuns();
      navigate(`/run/${id}`);
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  const field = (name: keyof Fields, label: string, given: unknown, hint?: string) => (
    <TextInput
      label={label}
      type="number"
      value={fields[name]}
      placeholder={given === null || given === undefined ? "" : String(given)}
      invalid={number(fields[name]) && fields[name] !== "full"}
      onChange={(text) => onChange({ [name]: text })}
      {...(hint ? { hint } : {})}
    />
  );
  return (
    <form class="panel settings" onSubmit={(event) => void start(event)}>
      <h2>{pick(recipe.title)}</h2>
      <p class="hint">{t("new.hint")}</p>
      {session.value?.can_train && <p class="hint run-home">{t("new.home", { folder: session.value.home })}</p>}
      <div class="settings-grid">
        {field("length", t(recipe.steps ? "new.steps" : "new.epochs"), recipe.steps ?? recipe.epochs)}
        {field("optimizer.lr", t("new.lr"), recipe.lr)}
        {field("data.batch_size", t("new.batch"), recipe.batch_size)}
        {field("seed", t("new.seed"), recipe.seed ?? 0)}
      </div>
      <More text={fields.more} wrong={wrong} onChange={(more) => onChange({ more })} />
      <div class="command">
        <code>{commandOf(recipe, overrides)}</code>
        <CopyButton text={commandOf(recipe, overrides)} kind="quiet" />
      </div>
      {error !== null && <ErrorBox error={error} />}
      <Button kind="primary" type="submit" icon="play" disabled={busy || !recipe.available || wrong.length > 0 || session.value?.can_train === false}>
        {t(busy ? "new.starting" : "new.start")}
      </Button>
    </form>
  );
}

function More({ text, wrong, onChange }: { text: string; wrong: readonly string[]; onChange: (text: string) => void }) {
  return (
    <div class="field">
      <label for="more-overrides">{t("new.more")}</label>
      <textarea
        id="more-overrides"
        class="mono"
        rows={3}
        spellcheck={false}
        placeholder={"model.activation=Tanh\nmodel.layers=[64, 32, 10]"}
        value={text}
        aria-invalid={wrong.length > 0 || undefined}
        aria-describedby="more-hint"
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <p class={`hint${wrong.length ? " bad-text" : ""}`} id="more-hint">{wrong[0] ? t("new.more.wrong", { line: wrong[0] }) : t("new.more.hint")}</p>
    </div>
  );
}
