/** The values of a node, a parameter or a step: as pictures or as numbers. */

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Slider, Switch } from "../components";
import { value as short } from "../format";
import { t } from "../i18n";
import type { Scale } from "./colour";
import { laid, pictures, range, samples, side, type Flat, type Picture } from "./grid";
import { Heat, Legend } from "./Heat";
import { NumberTable } from "./NumberTable";
import { type Form, PictureOrTable } from "./PictureOrTable";

const MOST_PICTURES = 64;

interface Properties {
  flat: Flat;
  /** What is shown, in words. */
  name: string;
  /** Only a part came over the wire. */
  truncated?: boolean;
  size?: number;
  scale?: Scale;
  /** How many pixels the run's inputs have: rows of so many numbers are shown as pictures. */
  pixels?: number;
  /** The first of four axes counts filters, which are all shown, rather than samples, of which one is. */
  filters?: boolean;
}

function bounds(flat: Flat, scale: Scale): [number, number] {
  const [low, high] = range(flat.values);
  if (scale !== "signed") return [low, high];
  const bound = Math.max(Math.abs(low), Math.abs(high));
  return [-bound, bound];
}

function caption(name: string, picture: Picture): string {
  return picture.label === "" ? name : `${name} [${picture.label}]`;
}

/** All pictures on one colour scale, so that they can be compared, with a choice to read the numbers instead. */
export function ValuePictures({ flat, name, truncated = false, size = 280, scale = "signed", pixels = 0, filters = false }: Properties): VNode {
  const [as, setAs] = useState<Form>("picture");
  const [sample, setSample] = useState(0);
  const square = flat.shape.length === 2 && flat.shape[1] === pixels && side(pixels) !== null;
  const [images, setImages] = useState(true);
  const all = useMemo(() => pictures(flat, filters ? null : sample, images && square), [flat, sample, images, square]);
  const [low, high] = useMemo(() => bounds(flat, scale), [flat, scale]);
  const several = filters ? 1 : samples(flat.shape);
  const shown = all.slice(0, MOST_PICTURES);
  const upright = useMemo(() => shown.map(laid), [all]);
  const each = all.length > 1 ? Math.max(size / Math.min(Math.ceil(Math.sqrt(all.length)), 6) - 8, 40) : size;
  if (!flat.values.length) return <p class="note">{t("values.empty")}</p>;
  if (flat.values.length === 1) return <p class="one-number">{short(flat.values[0])}</p>;
  return (
    <div class="values">
      <div class="values-head">
        <PictureOrTable value={as} onChange={setAs} />
        {square && <Switch label={t("values.images")} on={images} onChange={setImages} />}
      </div>
      {several > 1 && (
        <Slider label={t("values.sample")} value={sample} min={0} max={several - 1} onChange={setSample} />
      )}
      {as === "picture" ? (
        <>
          <div class="pictures">
            {upright.map(({ grid: picture }) => (
              <figure key={picture.label} class="picture">
                <Heat grid={picture} label={caption(name, picture)} {...{ low, high, scale }} size={each} />
                {picture.label !== "" && <figcaption>{picture.label}</figcaption>}
              </figure>
            ))}
          </div>
          {upright.some(({ turned }) => turned) && <p class="note">{t("values.laid")}</p>}
          <Legend low={low} high={high} scale={scale} />
        </>
      ) : (
        shown.slice(0, 8).map((picture) => (
          <NumberTable key={picture.label} grid={picture} caption={caption(name, picture)} more={t("values.more")} />
        ))
      )}
      {(truncated || all.length > shown.length) && <p class="note">{t("values.truncated", { n: shown.length })}</p>}
    </div>
  );
}
