/** The choice between seeing values as pictures and reading them as numbers. */

import type { VNode } from "preact";
import { Segmented } from "../components";
import { t } from "../i18n";

export type Form = "picture" | "table";

export function PictureOrTable({ value, onChange }: { value: Form; onChange: (form: Form) => void }): VNode {
  return (
    <Segmented
      label={t("values.as")}
      value={value}
      options={[
        { value: "picture", text: t("values.picture") },
        { value: "table", text: t("values.table") },
      ]}
      onChange={onChange}
    />
  );
}
