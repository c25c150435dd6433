import { readdirSync } from "node:fs";
import vitals from "eslint-config-next/core-web-vitals";
import typescript from "eslint-config-next/typescript";

// Features never import each other; what two of them need lives in src/lib or src/components.
const features = readdirSync(new URL("./src/features", import.meta.url));
const walls = features.map((feature) => ({
  files: [`src/features/${feature}/**`],
  rules: {
    "no-restricted-imports": ["error", { patterns: [
      { regex: `^@/features/(?!${feature}(/|$))`, message: "Features do not import each other." },
      { regex: "^@/app", message: "Features do not know the routes' modules." },
    ] }],
  },
}));

const config = [
  { ignores: ["out/**", ".next/**", "next-env.d.ts", "src/lib/api/schema.gen.ts"] },
  ...vitals,
  ...typescript,
  { rules: { "max-lines": ["error", 300], "no-eval": "error", "no-implied-eval": "error", "react/no-danger": "error" } },
  { files: ["src/app/layout.tsx"], rules: { "react/no-danger": "off" } },
  {
    files: ["src/lib/**", "src/components/**"],
    rules: { "no-restricted-imports": ["error", { patterns: ["@/features/*", "@/app/*"] }] },
  },
  ...walls,
];

export default config;
