/** The page: the component in a window of its own, which may be installed, shared to, and used without a network. */
import '../counter/counter.js';
import { languageFor, languages } from '../counter/texts.js';
import { startOffline } from './offline.js';

const language = languageFor(navigator.languages);
const title = languages[language]?.title ?? document.title;
document.documentElement.lang = language;
document.title = title;
const heading = document.getElementById('title');
if (heading) heading.textContent = title;

const counter = document.querySelector('checkbox-counter');
if (counter) startOffline(counter);
