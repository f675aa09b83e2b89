// The front end's lint: what ESLint recommends, and what the course asks beyond it.
import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-param-reassign": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { args: "after-used", argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
      "no-console": ["error", { allow: ["error"] }],
      // Text from outside goes into the page as text nodes only.
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Make elements (parts/elements.js); text goes in as text." },
        { property: "outerHTML", message: "Make elements (parts/elements.js); text goes in as text." },
        { property: "insertAdjacentHTML", message: "Make elements (parts/elements.js); text goes in as text." },
        { object: "document", property: "write", message: "Make elements (parts/elements.js)." },
      ],
    },
  },
];
