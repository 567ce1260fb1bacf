import { useMemo } from "preact/hooks";
import type { Finding, Value } from "../api";
import { Chart, CopyButton, Empty, Tag } from "../components";
import { plain } from "../format";
import { pick, t } from "../i18n";
import { evidenceText } from "../i18n/evidence";
import type { RunViewProps } from "./props";

export default function Findings({ run }: RunViewProps) {
  if (!run.findings.length) {
    return (
      <Empty title={t("findings.none")}>{t(run.status === "running" ? "findings.none.yet" : "findings.none.text")}</Empty>
    );
  }
  const ranked = [...run.findings].sort((a, b) => b.severity - a.severity);
  return (
    <ol class="stack findings">
      {ranked.map((finding) => (
        <FindingCard key={`${finding.fault} ${finding.where}`} finding={finding} />
      ))}
    </ol>
  );
}

function toneOf(severity: number): "bad" | "warn" | "calm" {
  if (severity >= 0.9) return "bad";
  return severity >= 0.6 ? "warn" : "calm";
}

function FindingCard({ finding }: { finding: Finding }) {
  const tone = toneOf(finding.severity);
  return (
    <li class={`panel finding ${tone}`}>
      <div class="panel-head">
        <h2>{pick(finding.title)}</h2>
        <Tag tone={tone}>{t(`findings.${tone}`)}</Tag>
      </div>
      <p class="facts">
        {finding.where && <code>{finding.where}</code>}
        <span>{finding.since > 0 ? t("findings.since", { step: finding.since }) : t("findings.before")}</span>
      </p>
      <div class="finding-body">
        <div class="finding-words">
          <p class="finding-text">{pick(finding.text)}</p>
          <Evidence evidence={finding.evidence} />
          {finding.advice && <Advice yaml={finding.advice} />}
        </div>
        <Course finding={finding} />
      </div>
    </li>
  );
}

function isSeries(value: Value | undefined): value is [number, number][] {
  return Array.isArray(value) && value.length > 1 && value.every((point) => Array.isArray(point) && point.length === 2);
}

function Course({ finding }: { finding: Finding }) {
  const series = finding.evidence.series;
  const lines = useMemo(() => {
    if (!isSeries(series)) return [];
    const points = { step: series.map(([step]) => step), value: series.map(([, value]) => value) };
    return [{ name: t("findings.course"), colour: "--s2", points }];
  }, [series, t("findings.course")]);
  const marks = useMemo(
    () => [{ step: finding.since, text: t("findings.since", { step: finding.since }) }],
    [finding.since, t("findings.course")],
  );
  if (!lines.length) return null;
  return <Chart label={t("findings.evidence")} lines={lines} marks={marks} height={150} />;
}

function Evidence({ evidence }: { evidence: Record<string, Value> }) {
  const numbers = Object.entries(evidence).filter(([name, value]) => name !== "series" && (typeof value !== "object" || isShort(value)));
  if (!numbers.length) return null;
  return (
    <dl class="evidence">
      {numbers.map(([name, value]) => (
        <div key={name}>
          <dt>{evidenceText(name)}</dt>
          <dd>{plain(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function isShort(value: Value): boolean {
  return Array.isArray(value) && value.length <= 12 && value.every((item) => typeof item !== "object");
}

function Advice({ yaml }: { yaml: string }) {
  return (
    <div class="advice">
      <span class="advice-label">{t("findings.try")}</span>
      <code>{yaml}</code>
      <CopyButton text={yaml} kind="quiet" />
    </div>
  );
}
