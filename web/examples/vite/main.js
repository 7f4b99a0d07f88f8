import { createDetector } from 'checkbox-detector';

const detector = createDetector();
detector.load().catch(() => {}); // ahead of the first picture; what goes wrong, that picture says

const answer = document.getElementById('answer');
document.getElementById('file').addEventListener('change', async (event) => {
  try {
    const { counts } = await detector.detect(event.target.files[0]);
    answer.textContent = `${counts.filled_checkbox} filled, ${counts.empty_checkbox} empty`;
  } catch (error) {
    answer.textContent = error.message;
  }
});
