import { LuCheck } from "react-icons/lu";
import { cx } from "@/components/ui/classes";

const names = ["You", "Your model", "Your agent"];

export function Steps({ at }: { at: number }) {
  return (
    <ol aria-label="Steps" className="mb-6 flex gap-2">
      {names.map((name, i) => (
        <li key={name} aria-current={i === at ? "step" : undefined} className={cx("flex flex-1 flex-col gap-1.5 text-meta", i <= at ? "text-text" : "text-muted")}>
          <span className={cx("h-1 rounded-full", i <= at ? "bg-accent" : "bg-border")} aria-hidden />
          <span className={cx("flex items-center gap-1", i === at && "font-medium")}>{i < at ? <LuCheck size={14} className="text-accent" aria-label="Done:" /> : null}{name}</span>
        </li>
      ))}
    </ol>
  );
}
