/** Name of the journal in a controller's state folder. */
export const journalFile = "journal.sqlite";
