"use client";
import { useId, useState, type FormEvent, type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, type TextareaHTMLAttributes } from "react";
import { LuChevronDown, LuCircleAlert } from "react-icons/lu";
import { cx } from "./classes";

const box = "w-full rounded-control border border-border-strong bg-raised px-3 text-body text-text aria-[invalid=true]:border-failed disabled:opacity-60 max-md:text-chat";

type Shared = { label: string; hint?: ReactNode; error?: string | null; hideLabel?: boolean; aside?: ReactNode };
type Wiring = { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean };

function Frame({ label, hint, error, hideLabel, aside, children }: Shared & { children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <div className={cx("flex items-baseline justify-between gap-3", hideLabel && "sr-only")}>
        <label htmlFor={id} className="text-small font-medium">{label}</label>
        {aside}
      </div>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
      {error ? <p id={`${id}-error`} className="flex items-start gap-1.5 text-small text-failed"><LuCircleAlert size={16} className="mt-0.5 shrink-0" aria-hidden />{error}</p> : null}
      {hint ? <p id={`${id}-hint`} className="text-small text-muted">{hint}</p> : null}
    </div>
  );
}

type Checked = HTMLInputElement;

function complaint({ validity, type, ...field }: Checked): string {
  if (validity.valueMissing) return "This is needed.";
  if (validity.typeMismatch) return type === "email" ? "Write it like name@example.com." : "Write the whole address, from https:// on.";
  if (validity.tooShort) return `At least ${field.minLength} characters, please.`;
  return field.validationMessage;
}

/** What the browser finds wrong is said at the field, in our words, and not in a bubble of the browser's own. */
function useComplaint(error: string | null | undefined) {
  const [own, setOwn] = useState<string | null>(null);
  return {
    error: error ?? own,
    onInvalid: (event: FormEvent<Checked>) => {
      event.preventDefault();
      const field = event.currentTarget;
      setOwn(complaint(field));
      if (field.form?.querySelector(":invalid:not(fieldset)") === field) field.focus();
    },
    onInput: () => setOwn(null),
  };
}

type InputProps = Shared & InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> };
export function TextInput({ label, hint, error: said, hideLabel, aside, className, ...rest }: InputProps) {
  const { error, ...checks } = useComplaint(said);
  return (
    <Frame {...{ label, hint, error, hideLabel, aside }}>
      {(wiring) => <input {...wiring} {...checks} className={cx(box, "h-9 max-md:h-11", className)} {...rest} />}
    </Frame>
  );
}

type AreaProps = Shared & TextareaHTMLAttributes<HTMLTextAreaElement>;
export function TextArea({ label, hint, error, hideLabel, aside, className, ...rest }: AreaProps) {
  return (
    <Frame {...{ label, hint, error, hideLabel, aside }}>
      {(wiring) => <textarea {...wiring} className={cx(box, "py-2 leading-[22px]", className)} {...rest} />}
    </Frame>
  );
}

type SelectProps = Shared & SelectHTMLAttributes<HTMLSelectElement>;
export function Select({ label, hint, error, hideLabel, aside, className, children, ...rest }: SelectProps) {
  return (
    <Frame {...{ label, hint, error, hideLabel, aside }}>
      {(wiring) => (
        <div className="relative">
          <select {...wiring} className={cx(box, "h-9 appearance-none pr-9 max-md:h-11", className)} {...rest}>{children}</select>
          <LuChevronDown size={16} className="pointer-events-none absolute right-2.5 top-1/2 -translate-y-1/2 text-muted" aria-hidden />
        </div>
      )}
    </Frame>
  );
}

type SwitchProps = { label: string; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean; hideLabel?: boolean };
export function Switch({ label, checked, onChange, disabled, hideLabel }: SwitchProps) {
  return (
    <button
      type="button" role="switch" aria-checked={checked} aria-label={label} disabled={disabled} onClick={() => onChange(!checked)}
      className="inline-flex min-h-8 shrink-0 items-center gap-2 rounded-control text-small disabled:opacity-50 disabled:cursor-not-allowed"
    >
      <span className={cx("relative h-5 w-9 rounded-full border transition-colors duration-[120ms]", checked ? "border-accent bg-accent" : "border-border-strong bg-hover")}>
        <span className={cx("absolute top-[3px] size-3 rounded-full transition-[left] duration-[120ms]", checked ? "left-[19px] bg-accent-text" : "left-[3px] bg-muted")} />
      </span>
      {hideLabel ? null : <span>{label}</span>}
    </button>
  );
}
