"use strict";
const frames = [...document.querySelectorAll(".frame")];
const slider = document.getElementById("time");
const play = document.getElementById("play");
let timer = 0;
function show(index) {
  frames.forEach((frame, position) => { frame.hidden = position !== index; });
  document.getElementById("when").textContent = frames[index].dataset.when;
}
function pause() {
  clearInterval(timer);
  timer = 0;
  play.textContent = "Play";
}
function step() {
  if (Number(slider.value) >= frames.length - 1) { pause(); return; }
  slider.value = Number(slider.value) + 1;
  show(Number(slider.value));
}
if (slider) {
  document.getElementById("scrub").hidden = false;
  slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });
  play.addEventListener("click", () => {
    if (timer) { pause(); return; }
    if (Number(slider.value) >= frames.length - 1) { slider.value = 0; show(0); }
    play.textContent = "Pause";
    timer = setInterval(step, 600);
  });
}
