import { useEffect, useState } from "preact/hooks";
import type { Checkpoint } from "../api";
import { count } from "../format";
import { t } from "../i18n";
import { stillness } from "../theme";
import { Button } from "./button";
import { Slider } from "./fields";

function told(checkpoint: Checkpoint | undefined): string {
  if (!checkpoint) return "–";
  if (checkpoint.kind === "initial") return t("checkpoint.initial");
  const at =
    checkpoint.epoch === null
      ? t("checkpoint.at", { step: count(checkpoint.step) })
      : `${t("checkpoint.epoch", { epoch: count(checkpoint.epoch) })}, ${t("checkpoint.at", { step: count(checkpoint.step) })}`;
  return checkpoint.kind === "snapshot" ? at : `${at} (${t(`checkpoint.${checkpoint.kind}`)})`;
}

interface Props {
  checkpoints: readonly Checkpoint[];
  /** The chosen one's id. */
  value: number | null;
  onChange: (id: number) => void;
}

/** A slider through a run's checkpoints in the order of their steps, which can also play by itself. */
export function CheckpointSlider({ checkpoints, value, onChange }: Props) {
  const at = Math.max(0, checkpoints.findIndex((checkpoint) => checkpoint.id === value));
  const [playing, setPlaying] = useState(false);

  useEffect(() => {
    if (!playing) return;
    const next = checkpoints[at + 1];
    if (!next) return setPlaying(false);
    const timer = setTimeout(() => onChange(next.id), stillness.matches ? 1500 : 700);
    return () => clearTimeout(timer);
  }, [playing, at]);

  if (checkpoints.length < 2) return null;
  const toggle = () => {
    const first = checkpoints[0];
    if (!playing && at === checkpoints.length - 1 && first) onChange(first.id);
    setPlaying(!playing);
  };
  return (
    <div class="checkpoints">
      <Button kind="quiet" icon={playing ? "pause" : "play"} label={t(playing ? "checkpoint.pause" : "checkpoint.play")} onClick={toggle} />
      <Slider
        label={t("checkpoint.label")}
        value={at}
        min={0}
        max={checkpoints.length - 1}
        show={(index) => told(checkpoints[index])}
        onChange={(index) => {
          setPlaying(false);
          const chosen = checkpoints[index];
          if (chosen) onChange(chosen.id);
        }}
      />
    </div>
  );
}
