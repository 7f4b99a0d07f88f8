/** The language of the page: that of the person, if it is spoken here. Before the component, which speaks as the page does. */
import { languageFor, languages } from '../counter/texts.js';

const language = languageFor(navigator.languages);
const title = languages[language]?.title ?? document.title;
document.documentElement.lang = language;
document.title = title;
const heading = document.getElementById('title');
if (heading) heading.textContent = title;
