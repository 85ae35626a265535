package near
