/** Titles become names in engines and parts of paths: nothing else is taken. `/workflows/validate` is a path of its own. */
export const WORKFLOW_TITLE = /^(?!validate$)[A-Za-z0-9][A-Za-z0-9._ -]{0,127}$/;

export const TITLE_RULE =
  'A title is 1 to 128 of letters, digits, ".", "_", "-" and blanks, and begins with a letter or a digit; it is not "validate".';
